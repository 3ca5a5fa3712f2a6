/* seeds_packets - see seeds.h: what is no protobuf message. */
#include "tests/fuzz/seeds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/loop/rpc_priv.h"
#include "hvcore/wire/attach.h"
#include "hvcore/wire/hcall.h"
#include "hvcore/wire/injection.h"
#include "hvcore/wire/io.h"
#include "hvcore/wire/session.h"

#define MIB (UINT64_C(1) << 20)

static void put_packets(void)
{
	union {
		struct hv_local_head head;
		struct hv_attach_hello hello;
		struct hv_session_device_open open;
		uint8_t bytes[HV_LOCAL_BYTES];
	} packet;
	char name[16];

	for (unsigned type = 1; type < HV_ATTACH_TYPE_COUNT; type++) {
		memset(&packet, 0, sizeof(packet));
		packet.head = hv_local_head(HV_ATTACH_VERSION, type,
					    hv_attach_bytes(type), 0);
		memcpy(packet.bytes + sizeof(packet.head), "db1", 3);
		(void)snprintf(name, sizeof(name), "type%u", type);
		seeds_put("attach", name, &packet, packet.head.bytes);
	}
	for (unsigned type = 1; type < HV_SESSION_TYPE_COUNT; type++) {
		memset(&packet, 0, sizeof(packet));
		packet.head = hv_local_head(HV_SESSION_VERSION, type,
					    hv_session_bytes(type), 0);
		if (type == HV_SESSION_DEVICE_OPEN)
			memcpy(packet.open.path, "/dev/sdb", 9);
		(void)snprintf(name, sizeof(name), "type%u", type);
		seeds_put("session", name, &packet, packet.head.bytes);
	}
}

static void put_injections(void)
{
	struct hv_local_head clear = hv_local_head(HV_INJECT_VERSION, HV_INJECT_CLEAR,
						   sizeof(clear), 1);
	struct hv_local_head ask = hv_local_head(HV_INJECT_VERSION, HV_INJECT_ASK,
						 sizeof(ask), 1);
	struct hv_inject_answer answer = {
		.head = hv_local_head(HV_INJECT_VERSION, HV_INJECT_ANSWER, sizeof(answer),
				      1),
	};

	for (uint32_t kind = 1; kind < HV_INJECTION_KIND_COUNT; kind++) {
		bool is_cut = kind == HV_INJECTION_CUT;
		struct hv_inject_order order = {
			.head = hv_local_head(HV_INJECT_VERSION, HV_INJECT_START,
					      sizeof(order), 1),
			.injection = { .kind = kind,
				       .op = is_cut ? HV_INJECTION_BOTH
						    : HV_INJECTION_WRITE,
				       .rate_ppm = is_cut ? HV_INJECTION_ALL : 10000,
				       .time_ms = 10000,
				       .delay_ms = kind == HV_INJECTION_DELAY,
				       .error = kind == HV_INJECTION_ERROR,
				       .direction = is_cut ? HV_INJECTION_THERE : 0 },
		};

		if (!is_cut)
			memcpy(order.injection.device, "d1", 3);
		seeds_put("inject", hv_injection_kind_name(kind), &order, sizeof(order));
	}
	seeds_put("inject", "clear", &clear, sizeof(clear));
	seeds_put("inject", "ask", &ask, sizeof(ask));
	seeds_put("inject", "answer", &answer, sizeof(answer));
}

static void put_hcalls(void)
{
	const uint64_t r = UINT64_C(1) << 12 | HV_HPTE_R_M | HV_HPTE_R_PP_RW;
	const uint64_t ptex = UINT64_C(1) * HV_PTEG_ENTRIES;
	const struct hv_hcall_ask entries[] = {
		{ H_ENTER, 1, { 0, ptex, HV_HPTE_V_VALID, r } },
		{ H_ENTER, 1, { H_EXACT, ptex, HV_HPTE_V_VALID, r } },
		{ H_WALK, 1, { 0x1000, 1 } },
		{ H_READ, 1, { H_READ_4, ptex } },
		{ H_PROTECT, 1, { HV_HPTE_R_PP_RO, ptex } },
		{ H_WALK, 8, { 0x1000, 1 } }, /* page 1 leaves */
		{ H_WALK, 1, { 0x1000, 0 } },
		{ H_ENTER, 1, { 0, ptex, HV_HPTE_V_VALID, r } },
		{ H_REMOVE, 1, { H_AVPN, ptex, 0 } },
	};
	const struct hv_hcall_ask tces[] = {
		{ H_PUT_TCE, 1, { HV_LIOBN_FIRST, 0x1000, 0x2003 } },
		{ H_STUFF_TCE, 1, { HV_LIOBN_FIRST, 0, 0x1001, 2048 } },
		{ H_GET_TCE, 1, { HV_LIOBN_FIRST, 0x1000 } },
		{ H_STUFF_TCE, 1, { HV_LIOBN_FIRST, 0x1000, 0, 2048 } },
		{ 0, 1, { 0 } },
	};

	const struct hv_hcall_ask breakpoints[] = {
		{ H_ENTER, 1, { 0, ptex, HV_HPTE_V_VALID, r } },
		{ H_SET_DABR, 1, { 0x1000 | HV_DABR_FLAGS } },
		{ H_SET_DABR, 8, { 0x1008 | HV_DABR_TRANSLATED } },
		{ H_SET_DABR, 1, { 0x1000 | HV_DABR_FLAGS } }, /* page 1 has left */
		{ H_DABR_HITS, 1, { 1 } },
		{ H_SET_DABR, 1, { 0 } },
	};

	seeds_put("hcall", "entries", entries, sizeof(entries));
	seeds_put("hcall", "breakpoints", breakpoints, sizeof(breakpoints));
	seeds_put("hcall", "tces", tces, sizeof(tces));
}

/* What a disk plans: within it, at its end and beyond it, data and none. */
static void put_plans(void)
{
	static const struct {
		struct hv_scsi scsi;
		enum hv_srp_direction direction;
		uint32_t bytes;
	} rows[] = {
		{ { HV_SCSI_READ, .block = 7, .blocks = 1 }, HV_SRP_IN, 512 },
		{ { HV_SCSI_WRITE, .block = 2040, .blocks = 8 }, HV_SRP_OUT, 65536 },
		{ { HV_SCSI_WRITE, true, .block = 2048, .blocks = 1 }, HV_SRP_OUT, 512 },
		{ { HV_SCSI_READ, true, .block = UINT64_MAX, .blocks = UINT32_MAX },
		  HV_SRP_IN,
		  4096 },
		{ { HV_SCSI_READ, .block = 8 }, HV_SRP_NONE, 0 },
		{ { .kind = HV_SCSI_SYNC }, HV_SRP_NONE, 0 },
		{ { .kind = HV_SCSI_CAPACITY }, HV_SRP_IN, 8 },
		{ { HV_SCSI_CAPACITY, true, .room = 32 }, HV_SRP_IN, 4096 },
		{ { HV_SCSI_INQUIRY, .room = 255 }, HV_SRP_IN, 16 },
		{ { .kind = HV_SCSI_READY }, HV_SRP_NONE, 0 },
	};
	uint8_t ius[HV_COUNT(rows)][HV_SRP_IU_BYTES] = { 0 };

	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct hv_srp_command command = { .tag = i,
						  .direction = rows[i].direction,
						  .bytes = rows[i].bytes };

		if (command.bytes > 0)
			command.address = 0x1000;
		hv_scsi_put(command.cdb, &rows[i].scsi);
		hv_srp_command_put(ius[i], &command);
	}
	seeds_put("io", "plans", ius, sizeof(ius));
}

static void put_io(void)
{
	struct hv_srp_command command = {
		.tag = 1, .direction = HV_SRP_IN, .address = 0x1000, .bytes = 4096
	};
	const struct hv_srp_response responses[] = {
		{ .tag = 1 },
		{ 2, HV_SCSI_CHECK_CONDITION, 512, HV_SENSE_READ_ERROR },
	};
	const struct hv_lan_arrival arrival = { true, 60, 0x2000 };
	uint8_t ius[6][HV_SRP_IU_BYTES] = { 0 };

	hv_scsi_put(command.cdb,
		    &(struct hv_scsi){ HV_SCSI_READ, .block = 8, .blocks = 8 });
	hv_srp_command_put(ius[0], &command);
	hv_srp_response_put(ius[1], &responses[0]);
	hv_srp_response_put(ius[2], &responses[1]);
	hv_crq_put(ius[3], &(struct hv_crq){ 1 });
	hv_lan_arrival_put(ius[4], &arrival);
	memcpy(ius[5], command.cdb, sizeof(command.cdb));
	seeds_put("io", "ius", ius, sizeof(ius));
	put_plans();
}

static void put_frames(void)
{
	static const uint8_t route[] = { 0, 0, 0, 7, 0x80, 0, 0, 1 };

	for (unsigned is_ipc = 0; is_ipc < 2; is_ipc++) {
		uint8_t stream[64] = { (uint8_t)is_ipc };
		struct hv_frame *frame;
		size_t n;

		HV_INVARIANT(hv_frame_make(is_ipc != 0, route, sizeof(route), "hello", 5,
					   &frame, NULL) == HV_OK);
		n = frame->count;
		memcpy(stream + 1, frame->bytes, n);
		memcpy(stream + 1 + n, frame->bytes, n);
		seeds_put("frame", is_ipc != 0 ? "ipc" : "tcp", stream, 1 + 2 * n);
		free(frame);
	}
	seeds_put("frame", "handshake", "\1\0SP\0\0\x30\0\0", 9);
}

void seeds_put_packets(void)
{
	put_packets();
	put_injections();
	put_hcalls();
	put_io();
	put_frames();
}
