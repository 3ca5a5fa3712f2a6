/*
 * privilege - what the process keeps of its rights, and how it holds its memory.
 *
 * Contract: call once, before threads. Errors: OS; nothing is half done that
 * matters, since the caller ends.
 */
#ifndef HVCORE_HYPERVISOR_PRIVILEGE_H
#define HVCORE_HYPERVISOR_PRIVILEGE_H

#include "hvcore/base/err.h"

HV_MUST_USE
enum hv_code privilege_keep_what_is_needed(struct hv_err *err);

#endif
