/*
 * messages - protobuf messages, decoded with limits. The only file that includes
 * generated headers.
 *
 * Contract
 *   Threads  any.
 *   Memory   a decoded message is the caller's: free with its tarn__..._free_unpacked
 *            (message, NULL). hv_message_encode returns memory from malloc.
 *   Errors   CORRUPT for bytes that do not decode, LIMIT for too many or too long
 *            (the text names the limit), INVAL for an enum, name, identity or
 *            LparSpec that is wrong in itself, or an unknown kind of request;
 *            VERSION for another CLUSTER_ or HOST_PROTOCOL_VERSION; NOMEM.
 *            Nothing is returned on failure.
 */
#ifndef HVCORE_WIRE_MESSAGES_H
#define HVCORE_WIRE_MESSAGES_H

#include "hvcore/base/err.h"

#include "agent.pb-c.h"
#include "cluster.pb-c.h"
#include "common.pb-c.h"
#include "host.pb-c.h"
#include "hypervisor.pb-c.h"
#include "remote.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_PROTOCOL_VERSION 1
#define CLUSTER_PROTOCOL_VERSION 1

#define HV_MESSAGE_BYTES_MAX (4u << 20)
#define HV_MESSAGE_MEMORY_MAX (64u << 20) /* of one decoded message; arbitrary */
#define HV_HOSTS_MAX 256                  /* of one cluster; arbitrary */
#define HV_LPARS_MAX 10240 /* of one cluster, or on paper of one host; arbitrary */
#define HV_USERS_MAX 256   /* of one cluster; arbitrary */
#define HV_HOST_LPARS_MAX \
	512 /* of one machine: 128 shared (SPEC S5) and dedicated ones */
#define HV_DEVICES_PER_HOST_MAX 512
#define HV_CLUSTER_DEVICES_MAX 8192 /* arbitrary */
#define HV_HOST_VIOS_MAX 2          /* that page: SPEC V1, one pair a pool */
#define HV_HOST_ALL_VIOS_MAX 4      /* of a host, the others included; arbitrary */
#define HV_AGENT_VIOS_MAX 8         /* in its state; arbitrary: twice those it knows */
#define HV_HOST_OTHER_VIOS_MAX HV_HOST_ALL_VIOS_MAX
#define HV_HOST_OPS_MAX 64 /* orders not yet done; arbitrary */
/* Pool, devices, LPARs thrice (itself, its memory, its devices), orders of one host. */
#define HV_HOST_OBJECTS_MAX \
	(1 + HV_DEVICES_PER_HOST_MAX + 3 * HV_HOST_LPARS_MAX + HV_HOST_OPS_MAX)
#define HV_EVENTS_MAX 1000           /* of one message */
#define HV_DRILLS_MAX 1000           /* of one message */
#define HV_UTILIZATION_MAX 1000      /* samples of one message */
#define HV_UTILIZATION_NAMES_MAX 512 /* partitions that a query names */
#define HV_SAMPLE_RATE_S 30          /* where nobody set one; as proto/ says */
#define HV_DRILL_LEGS_MAX 64         /* two a host; arbitrary */
#define HV_DRILL_STEPS_MAX 256
#define HV_DRILL_POINTS_MAX 240   /* even; two minutes of reports, then each is of two */
#define HV_DRILL_MOMENTS_MAX 16   /* arbitrary */
#define HV_DRILL_SKIPPED_MAX 64   /* arbitrary */
#define HV_LOG_OBJECTS_MAX 16384  /* of one kind in one log record; arbitrary */
#define HV_DISPATCHES_MAX 512     /* of a trace; the hypervisor keeps half of that */
#define HV_DECISIONS_MAX 32       /* of a pool's manager; arbitrary: some minutes */
#define HV_FAILOVERS_MAX 32       /* kept for people */
#define HV_WATCH_THREADS_MAX 40   /* of a partition with a breakpoint; arbitrary */
#define HV_CONSOLES_MAX 64        /* sessions of a cluster; arbitrary */
#define HV_CONSOLE_INPUT_MAX 4096 /* bytes of one message; arbitrary */
#define HV_CONSOLE_OUTPUT_MAX 16384 /* the same */
#define HV_KEY_BYTES 16             /* keys, tokens and identities */
#define HV_TEXT_MAX 2048            /* one sentence from a peer */
#define HV_LPAR_BYTES_MAX (UINT64_C(1) << 40)
#define HV_LPAR_ADAPTERS_MAX 1024 /* virtual ones; arbitrary */
#define HV_LPAR_OS_SET_MAX 400    /* %, working set of the workload os; arbitrary */
#define HV_LPAR_LOAN_POLICY_MAX 3 /* Workload.loan_policy */
#define HV_WEIGHT_MAX 255         /* of memory and of processors: a byte (domain.md) */
#define HV_PROFILE_POINTS_MAX 16  /* of a platform profile; arbitrary */
#define HV_PROFILE_STEPS_MAX 8    /* arbitrary */
#define HV_HPT_RATIO_MIN 32       /* page table to maximum memory, 1:32 */
#define HV_HPT_RATIO_MAX 512

HV_MUST_USE
enum hv_code hv_cluster_request_decode(const uint8_t *bytes, size_t count,
				       Tarn__ClusterRequest **ret, struct hv_err *err);
HV_MUST_USE
enum hv_code hv_cluster_reply_decode(const uint8_t *bytes, size_t count,
				     Tarn__ClusterReply **ret, struct hv_err *err);
HV_MUST_USE
enum hv_code hv_host_request_decode(const uint8_t *bytes, size_t count,
				    Tarn__HostRequest **ret, struct hv_err *err);
HV_MUST_USE
enum hv_code hv_host_reply_decode(const uint8_t *bytes, size_t count,
				  Tarn__HostReply **ret, struct hv_err *err);
HV_MUST_USE
enum hv_code hv_hv_request_decode(const uint8_t *bytes, size_t count,
				  Tarn__HvRequest **ret, struct hv_err *err);
HV_MUST_USE
enum hv_code hv_hv_reply_decode(const uint8_t *bytes, size_t count, Tarn__HvReply **ret,
				struct hv_err *err);
/* Files of the agent: its own state, and the last desired state it was told. */
HV_MUST_USE
enum hv_code hv_agent_state_decode(const uint8_t *bytes, size_t count,
				   Tarn__AgentState **ret, struct hv_err *err);
HV_MUST_USE
enum hv_code hv_host_desired_decode(const uint8_t *bytes, size_t count,
				    Tarn__HostDesired **ret, struct hv_err *err);
/* What a coordinator keeps in its rings. */
HV_MUST_USE
enum hv_code hv_utilization_sample_decode(const uint8_t *bytes, size_t count,
					  Tarn__UtilizationSample **ret,
					  struct hv_err *err);

/* Does it change something, so that it carries a key? */
bool hv_cluster_request_is_change(const Tarn__ClusterRequest *request);

/* How often samples may be taken: 30, 60, 300, 1800 or 3600 s; 0: never (domain.md 1.9). */
bool hv_sample_rate_is_valid(uint64_t seconds);

/* Any message to bytes; NOMEM and LIMIT (over HV_MESSAGE_BYTES_MAX) are the failures. */
HV_MUST_USE
enum hv_code hv_message_encode(const ProtobufCMessage *message, uint8_t **ret_bytes,
			       size_t *ret_count, struct hv_err *err);

/* 1:32, 1:64, 1:128, 1:256, 1:512 (domain.md 4.2). */
bool hv_hpt_ratio_is_valid(uint32_t ratio);

/* A spec that is right in itself: names, min <= mem <= max, page multiples, weight. */
HV_MUST_USE
enum hv_code hv_lpar_spec_check(const Tarn__LparSpec *spec, struct hv_err *err);

#endif
