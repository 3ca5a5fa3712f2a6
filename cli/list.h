/*
 * list - a command that shows part of the status: of all hosts, or of the one that
 * --host names, as a table or as JSON.
 */
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include "cli/cli.h"

/* `only` NULL: of every host. */
typedef enum hv_code cli_list_show(struct cli *cli, const Tarn__StatusReply *status,
				   const char *only, struct hv_err *err);

struct cli_list {
	cli_list_show *table, *json;
	bool needs_histograms; /* JSON shows them */
};

HV_MUST_USE
enum hv_code cli_list(struct cli *cli, const struct cli_list *list, struct hv_err *err);

bool cli_list_is_wanted(const char *host, const char *only);

#endif
