/* Three threads, each of which adds one to a counter SECTIONS times.  There is a counter
 * under each of LOCKS locks; the threads go round them, and begin apart. */
bit held[LOCKS];
byte counter[LOCKS];

proctype Thread(byte first) {
  byte section = 0, place = 0, value = 0;
  do
  :: section < SECTIONS ->
     atomic { place = (first + section) % LOCKS };
     atomic { held[place] == 0 -> held[place] = 1 };
     value = counter[place];
     counter[place] = value + 1;
     atomic { held[place] = 0; section++; value = 0; place = 0 }
  :: else -> break
  od
}

init { atomic { run Thread(0); run Thread(1); run Thread(2) } }
