from __future__ import annotations

from report.exported import failing, run, whole
from report.runs import single

from kmm.report.exports.plain import plain_text
from kmm.report.oops import oops


def test_text_is_the_oops_and_the_drawing() -> None:
    text = plain_text(run(failing()))
    assert text.startswith(oops(whole(failing()), "2.6.34"))
    assert "step CPU 0: compact:3977" in text
    assert plain_text(run(single())).startswith("step CPU 0: compact:3977")
