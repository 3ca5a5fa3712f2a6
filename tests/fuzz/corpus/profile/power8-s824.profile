# IBM Power S824 (8286-42A) with 512 GB.
#
# Published: such a machine with 524288 MB shows 484096 MB free; firmware and partitions
# together take 40192 MB. Firmware alone is quoted at 1.2 to 5.5 % of what is installed
# on machines of this class, and up to 8 % as an estimate; base is set to 1.6 %, which
# leaves the total of an empty machine at 32 LMBs of 256 MB.
#
# 11 PCIe slots. With "I/O Adapter Enlarged Capacity" on, each gets a window that
# reaches far beyond 2 GB; off here: 4 MB a slot, a 2 GB window of 8-byte entries.
# Page tables: 1:128 is the default for AIX and Linux from POWER8 on, half of POWER7's.
# Creation: state and adapters of a partition; 4 MB up to 4 GB of maximum memory, then a
# 1024th of it: arbitrary, there is no published figure.
title = "IBM Power S824 (8286-42A), 24 cores, 512 GB";
type_model = "8286-42A";
serial = "0600042";
lmb = "256M";
installed = "512G";
processors = 24;
base = "8140M";
slots = 11;
slot_tce = "4M";
adapter_tce = "16K";
hpt_ratio = 128;
pool_frame = 16;
creation = ( ("0", "4M"), ("4G", "4M"), ("1T", "1G") );
directory = ();
