/*
 * hv_stat - what a hypervisor itself says of its partitions, with no agent and no
 * coordinator in between: they may be dead or stopped.
 *
 *   hv_stat STATE_DIR     a line each: name, pid, run, page-ins, mismatches, state
 *
 * Exit status 1 where it does not answer.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "hvcore/loop/rpc.h"
#include "hvcore/wire/messages.h"

#define ASK_MS 5000

static enum hv_code ask(const char *url, Tarn__HvReply **ret_reply, struct hv_err *err)
{
	Tarn__HvStatGet get = TARN__HV_STAT_GET__INIT;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	uint8_t *bytes, *answer;
	enum hv_code code;
	size_t count;

	request.kind_case = TARN__HV_REQUEST__KIND_STAT;
	request.stat = &get;
	code = hv_message_encode(&request.base, &bytes, &count, err);
	if (code != HV_OK)
		return code;
	code = hv_rpc_ask(url, bytes, count, ASK_MS, &answer, &count, err);
	free(bytes);
	if (code != HV_OK)
		return code;
	code = hv_hv_reply_decode(answer, count, ret_reply, err);
	free(answer);
	return code;
}

static const char *state_name(Tarn__PartitionState state)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
		&tarn__partition_state__descriptor, (int)state);

	return value != NULL ? value->name : "?";
}

int main(int argc, char **argv)
{
	Tarn__HvReply *reply = NULL;
	struct hv_err err = { 0 };
	char url[512];

	if (argc != 2) {
		(void)fprintf(stderr, "usage: hv_stat STATE_DIR\n");
		return 2;
	}
	(void)snprintf(url, sizeof(url), "ipc://%s/run/hv.ipc", argv[1]);
	if (ask(url, &reply, &err) != HV_OK || reply->stat == NULL) {
		(void)fprintf(stderr, "hv_stat: %s\n", hv_err_text(&err));
		return 1;
	}
	for (size_t i = 0; i < reply->stat->n_partitions; i++) {
		const Tarn__PartitionStat *p = reply->stat->partitions[i];

		(void)printf("%s %lld %llu %llu %llu %s\n", p->name, (long long)p->pid,
			     (unsigned long long)p->run_id,
			     (unsigned long long)p->page_ins,
			     (unsigned long long)p->mismatches, state_name(p->state));
	}
	tarn__hv_reply__free_unpacked(reply, NULL);
	return 0;
}
