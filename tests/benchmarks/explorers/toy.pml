/* The toy: a walk that makes migration entries present again, against a move of the
 * entry that it looks for.  With -DFIXED the mover holds the walker's lock meanwhile. */
#define NONE      0
#define PRESENT   1
#define MIGRATION 2
#define NEW       1
#define OLD       2

#define LOCK(lock)   atomic { lock == 0 -> lock = 1 }
#define UNLOCK(lock) lock = 0

byte pte[3];
byte start[2];
bit anon_vma, page_table_lock;
byte ended;

proctype Walker() {
  byte vma = 0, address = 0, entry = 0;
  LOCK(anon_vma);
  do
  :: vma < 2 ->
     address = start[vma];
     LOCK(page_table_lock);
     entry = pte[address];
     if
     :: entry == MIGRATION -> pte[address] = PRESENT
     :: else
     fi;
     atomic { UNLOCK(page_table_lock); entry = 0; address = 0; vma++ }
  :: else -> break
  od;
  atomic { UNLOCK(anon_vma); vma = 0; ended++ }
}

proctype Mover() {
  byte entry = 0;
#ifdef FIXED
  LOCK(anon_vma);
#endif
  LOCK(page_table_lock);
  entry = pte[OLD];
  pte[OLD] = NONE;
  pte[NEW] = entry;
  atomic { entry = 0; UNLOCK(page_table_lock) }
  start[1] = NEW;
#ifdef FIXED
  UNLOCK(anon_vma);
#endif
  ended++
}

init {
  atomic {
    pte[0] = MIGRATION; pte[2] = MIGRATION;
    start[1] = OLD;
    run Walker(); run Mover()
  }
  (ended == 2);
  assert(pte[0] != MIGRATION && pte[1] != MIGRATION && pte[2] != MIGRATION)
}
