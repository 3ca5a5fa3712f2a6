/*
 * messages_priv - what the decoders of messages.c and remote.c share. Not for others.
 */
#ifndef HVCORE_WIRE_MESSAGES_PRIV_H
#define HVCORE_WIRE_MESSAGES_PRIV_H

#include "hvcore/wire/messages.h"

/* A message of that type, within all rules; *ret is the caller's. */
HV_MUST_USE
enum hv_code message_decode(const ProtobufCMessageDescriptor *type, const uint8_t *bytes,
			    size_t count, ProtobufCMessage **ret, struct hv_err *err);

#endif
