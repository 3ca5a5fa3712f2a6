/* console - see console.h; and tarn lpar console. */
#include "cli/console.h"

#include "cli/commands.h"

enum hv_code cli_console_open(struct cli *cli, const char *lpar,
			      enum cli_console_kind kind, struct cli_console *ret_console,
			      struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ConsoleOpen message = TARN__CONSOLE_OPEN__INIT;
	struct cli_console console;
	enum hv_code code;

	code = cli->world->random(cli->world, console.session, sizeof(console.session),
				  err);
	if (code != HV_OK)
		return code;
	message.lpar = (char *)lpar; /* only encoded */
	message.has_debugger = kind == CLI_CONSOLE_DEBUGGER;
	message.debugger = kind == CLI_CONSOLE_DEBUGGER;
	message.session = (ProtobufCBinaryData){ sizeof(console.session),
						 console.session };
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_CONSOLE_OPEN;
	request.console_open = &message;
	code = cli_ask(cli, &request, NULL, err);
	if (code == HV_OK)
		*ret_console = console;
	return code;
}

static enum hv_code close_console(struct cli *cli, Tarn__ConsoleClose *message,
				  struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;

	request.kind_case = TARN__CLUSTER_REQUEST__KIND_CONSOLE_CLOSE;
	request.console_close = message;
	return cli_ask(cli, &request, NULL, err);
}

void cli_console_close(struct cli *cli, const struct cli_console *console)
{
	Tarn__ConsoleClose message = TARN__CONSOLE_CLOSE__INIT;

	message.has_session = true;
	message.session = (ProtobufCBinaryData){ sizeof(console->session),
						 (uint8_t *)console->session };
	(void)!close_console(cli, &message, NULL);
}

enum hv_code cli_console_use(struct cli *cli, const struct cli_console *console,
			     struct hv_err *err)
{
	enum hv_code code;

	(void)fflush(cli->out);
	code = cli->world->converse(cli->world, cli->url, console->session, err);
	cli_console_close(cli, console);
	return code;
}

enum hv_code cli_console_force(struct cli *cli, const char *lpar, struct hv_err *err)
{
	Tarn__ConsoleClose message = TARN__CONSOLE_CLOSE__INIT;

	message.lpar = (char *)lpar; /* only encoded */
	return close_console(cli, &message, err);
}

enum hv_code cli_lpar_console(struct cli *cli, struct hv_err *err)
{
	const char *name = cli_text(&cli->args, "NAME");
	struct cli_console console;
	enum hv_code code;

	if (cli_flag(&cli->args, "close"))
		return cli_console_force(cli, name, err);
	code = cli_console_open(cli, name, CLI_CONSOLE_PERSON, &console, err);
	if (code == HV_OK && cli->is_live)
		(void)fprintf(cli->err, "console of '%s'; ~. leaves\r\n", name);
	if (code == HV_OK)
		code = cli_console_use(cli, &console, err);
	return code;
}
