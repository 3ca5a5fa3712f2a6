/* Foreign headers away from their homes. */
#include <lmdb.h>
#include <nng/nng.h>
#include "host.pb-c.h"
#include <stdio.h>
