# IBM Power 770 with 48 cores and 386 GB, calibrated on the experiment in SPEC.md R7.
#
# With no partition the machine shows 2.75 GB = 11 LMBs of 256 MB = 2816 MB. What is
# really taken is 16 MB less, 2800 MB: base 2704 and 24 slots of 4 MB of TCE. How the
# 2800 divide is not published; 4 MB a slot is a default window of 2 GB at 8 bytes for
# each 4 KB page.
#
#   partitions of 1 GB / 2 GB, 8 MB each      exact     shown
#     2                                2800 +  16 = 2816   2816  (2.75 GB)
#     3                                       24 = 2824   3072  (3.00)    step
#    34                                      272 = 3072   3072
#    35                                      280 = 3080   3328  (3.25)    step
#    48  + 24 MB of directory           384 + 24 = 3208   3328
#    63                                 504 + 24 = 3328   3328
#    64                                 512 + 24 = 3336   3584  (3.50)    step
#   64th deleted: 3328 again; then partitions of 2 GB / 4 GB, 64 MB each
#    64                            528 +      64 = 3392   3584  (3.50)    step
#    67                            528 + 4 *  64 = 3584   3584
#    68                            528 + 5 *  64 = 3648   3840  (3.75)    step
#
# No constant cost gives these steps: 3 and 35 need less than 256/31 MB, 3 and 64 more.
# Above 4 GB the cost goes on as from 2 GB/4 GB up: a 64th of the maximum.
title = "IBM Power 770, 48 cores, 386 GB";
type_model = "9117-MMC";
serial = "1007C1P";
lmb = "256M";
installed = "386G";
processors = 48;
base = "2704M";
slots = 24;
slot_tce = "4M";
adapter_tce = "16K";
hpt_ratio = 64;
# POWER7's default for every partition. Pool structures: 8 bytes of frame table and
# 8 of bookkeeping a page, arbitrary.
pool_frame = 16;
creation = ( ("0", "8M"), ("2G", "8M"), ("4G", "64M"), ("8G", "128M"), ("1T", "16G") );
directory = ( (48, "24M") );
