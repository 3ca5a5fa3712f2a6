/*
 * rpc_priv - what the files of rpc share. Not for others.
 */
#ifndef HVCORE_LOOP_RPC_PRIV_H
#define HVCORE_LOOP_RPC_PRIV_H

#include "hvcore/loop/rpc.h"

/* REFUSED for what leaves the machine, INVAL for what is no URL of ours. */
HV_MUST_USE
enum hv_code hv_rpc_url_check(const char *url, struct hv_err *err);

/* Whether somebody accepts connections there. Never blocks. */
bool hv_rpc_url_answers(const char *url);

/* Whether nng has handed the request to a connection. */
bool hv_call_is_sent(const struct hv_call *call);

#endif
