/* lpar_memory - tarn lpar resize, move-memory, release: what has it, and what keeps it */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/words.h"

/* An option that is not given is not set: the coordinator says what is missing. */
enum hv_code cli_lpar_resize(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparResize resize = TARN__LPAR_RESIZE__INIT;
	char done[CLI_DONE_BYTES];

	resize.name = (char *)cli_text(&cli->args, "NAME"); /* only encoded */
	resize.has_mem_bytes = cli_value(&cli->args, "mem")->is_set;
	resize.mem_bytes = cli_number(&cli->args, "mem", 0);
	resize.has_add_bytes = cli_value(&cli->args, "add")->is_set;
	resize.add_bytes = cli_number(&cli->args, "add", 0);
	resize.has_remove_bytes = cli_value(&cli->args, "remove")->is_set;
	resize.remove_bytes = cli_number(&cli->args, "remove", 0);
	resize.has_wait_s = cli_value(&cli->args, "wait-minutes")->is_set;
	resize.wait_s = (uint32_t)cli_number(&cli->args, "wait-minutes", 0) * 60;
	if (resize.has_mem_bytes + resize.has_add_bytes + resize.has_remove_bytes != 1)
		return cli_usage(cli, err, "one of --mem, --add and --remove is needed");
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_RESIZE;
	request.lpar_resize = &resize;
	(void)snprintf(done, sizeof(done), "memory of partition '%s' changed",
		       resize.name);
	return cli_change(cli, &request,
			  &(struct cli_change){ .done = done, .waits = true }, err);
}

/* What is moved is what the one really gave; less than ordered is an error that says so. */
enum hv_code cli_lpar_move_memory(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparMoveMemory move = TARN__LPAR_MOVE_MEMORY__INIT;
	char done[CLI_DONE_BYTES];

	move.name = (char *)cli_text(&cli->args, "NAME"); /* only encoded */
	move.to = (char *)cli_text(&cli->args, "to");
	move.bytes = cli_number(&cli->args, "mem", 0);
	move.has_wait_s = cli_value(&cli->args, "wait-minutes")->is_set;
	move.wait_s = (uint32_t)cli_number(&cli->args, "wait-minutes", 0) * 60;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_MOVE_MEMORY;
	request.lpar_move_memory = &move;
	(void)snprintf(done, sizeof(done), "memory of partition '%s' moved to '%s'",
		       move.name, move.to);
	return cli_change(cli, &request,
			  &(struct cli_change){ .done = done, .waits = true }, err);
}

enum hv_code cli_lpar_release(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparResize resize = TARN__LPAR_RESIZE__INIT;
	char done[CLI_DONE_BYTES];

	resize.name = (char *)cli_text(&cli->args, "NAME"); /* only encoded */
	resize.has_mem_bytes = 1;
	resize.has_kept = 1;
	resize.kept = true;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_RESIZE;
	request.lpar_resize = &resize;
	(void)snprintf(done, sizeof(done),
		       "partition '%s' gave back the memory that it kept", resize.name);
	return cli_change(cli, &request, &(struct cli_change){ .done = done }, err);
}
