// Run by build.py: node precompile.mjs FOLDER-OF-PYODIDE PACKAGES.zip OUT.zip
// What is done is in precompile.py; this is how Pyodide is started without a browser.

import { readFileSync, writeFileSync } from "node:fs";

const [folder, packages, out] = process.argv.slice(2);
const { loadPyodide } = await import(`file://${folder}/pyodide.mjs`);
let extractDir;
const pyodide = await loadPyodide({
  env: { HOME: "/home/reader", PYTHONHASHSEED: "0" }, // the same bytes each time
  fsInit: async (_, { sitePackages }) => {
    extractDir = sitePackages;
  },
});
pyodide.unpackArchive(new Uint8Array(readFileSync(packages)), "zip", { extractDir });
const library = pyodide.runPython("import os; os.path.dirname(os.__file__)");
pyodide.pyimport("kmm.web.precompile").write_bytecode("/out.zip", extractDir, library);
writeFileSync(out, pyodide.FS.readFile("/out.zip"));
process.exit(0);
