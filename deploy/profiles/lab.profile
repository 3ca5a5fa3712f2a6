# The default: what Tarn's own hypervisor really takes on this machine.
#
# base: resident memory of tarn-hypervisor with no pool and no partition, measured:
# 5.1 MiB of its own and 5.2 MiB shared with its VIOS, rounded up to 11. There are no I/O
# slots; a virtual adapter's window is 8 MiB of I/O addresses, 8 bytes for each 4 KiB
# (hvcore/mem/tce.h).
# Creation: the page table of a partition has 16 bytes for each page of its maximum
# memory, a 256th; it is reserved when the partition is made. A pool has 8 bytes for each
# page of its maximum. Page tables at 1:64, as in hvcore/reserve/reserve.h.
#
# lmb, installed and processors are those of a declared host; one with an agent has its
# own.
title = "a Tarn lab host";
lmb = "16M";
installed = "512M";
processors = 2;
base = "11M";
slots = 0;
slot_tce = "0";
adapter_tce = "16K";
hpt_ratio = 64;
pool_frame = 8;
creation = ( ("0", "0"), ("1T", "4G") );
directory = ();
