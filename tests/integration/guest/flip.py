"""flip FILE PAGES - flips a bit of one page of a paused workload, in the file that is the
guest's memory, and says which page: the words of agent/partition/content.h name it."""
import collections
import os
import struct
import sys

PAGE = 4096

pages = int(sys.argv[2])
keys = collections.Counter()
places = {}
file = os.open(sys.argv[1], os.O_RDWR)
for at in range(0, os.fstat(file).st_size, PAGE):  # read: nothing is put into holes
    key, page, version = struct.unpack("<QQQ", os.pread(file, 24, at))
    if key != 0 and page < pages and 0 < version < 1 << 32:
        keys[key] += 1
        places[key, page] = at
key, count = keys.most_common(1)[0]
if count < pages * 9 // 10:
    sys.exit(f"only {count} of {pages} pages found")
page = pages // 3
at = places[key, page] + PAGE - 5
os.pwrite(file, bytes([os.pread(file, 1, at)[0] ^ 0x10]), at)
print(page)
