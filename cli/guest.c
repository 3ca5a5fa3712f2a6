/* guest - see guest.h. */
#include "cli/guest.h"

#include <inttypes.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/table.h"
#include "hvcore/base/units.h"

/* What O_DIRECT, vhost and vfio have in common. */
#define WHY_NOT \
	"pages that the kernel or a device reaches by themselves may have been stolen " \
	"meanwhile, and data is lost"

bool cli_guest_is_asked(const struct cli *cli)
{
	return cli_flag(&cli->args, "guest") || cli_flag(&cli->args, "program");
}

/* ---- options ---- */

static enum hv_code check_options(struct cli *cli, struct hv_err *err)
{
	static const struct {
		const char *name, *why;
	} not_with[] = {
		{ "workload", "a guest runs its own programs" },
		{ "working-set", "a guest runs its own programs" },
		{ "write-percent", "a guest runs its own programs" },
		{ "rate", "a guest runs its own programs" },
		{ "seed", "a guest runs its own programs" },
		{ "hints", "a guest's free pages are reported by its balloon" },
		{ "via-hpt", "a guest makes no calls of the hypervisor" },
		{ "hpt-ratio", "a guest makes no calls of the hypervisor" },
		{ "io-percent", "a guest has the devices of its QEMU" },
		{ "ethernet", "a guest has the devices of its QEMU; see --net" },
		{ "adapters", "a guest has the devices of its QEMU" },
	};

	for (unsigned i = 0; i < HV_COUNT(not_with); i++)
		if (cli_flag(&cli->args, not_with[i].name))
			return cli_usage(cli, err,
					 "--%s and --guest exclude each other: %s",
					 not_with[i].name, not_with[i].why);
	return HV_OK;
}

/* A program has files and networks as any process has them. */
static enum hv_code check_program(struct cli *cli, struct hv_err *err)
{
	static const char *const not_with[] = {
		"guest",  "workload", "working-set", "write-percent", "rate",
		"seed",   "hints",    "via-hpt",     "hpt-ratio",     "io-percent",
		"disk",   "ethernet", "adapters",    "kernel",        "initrd",
		"append", "net",      "vcpus",       "accel",         "loan-policy",
	};

	for (unsigned i = 0; i < HV_COUNT(not_with); i++)
		if (cli_flag(&cli->args, not_with[i]))
			return cli_usage(cli, err,
					 "--%s and --program exclude each other",
					 not_with[i]);
	return HV_OK;
}

static enum hv_code check_no_options(struct cli *cli, struct hv_err *err)
{
	static const char *const only_with[] = { "kernel", "initrd", "append",
						 "net",    "vcpus",  "accel" };

	for (unsigned i = 0; i < HV_COUNT(only_with); i++)
		if (cli_flag(&cli->args, only_with[i]))
			return cli_usage(cli, err, "--%s needs --guest", only_with[i]);
	return HV_OK;
}

static enum hv_code check_word(struct cli *cli, const char *option, const char *word,
			       struct hv_err *err)
{
	if (strcmp(word, "cache=none") == 0 || strcmp(word, "cache=directsync") == 0 ||
	    strcmp(word, "aio=native") == 0)
		return cli_usage(cli, err,
				 "--%s: %s is refused: it is O_DIRECT, and " WHY_NOT
				 "; disks of a guest are buffered",
				 option, word);
	if (strstr(word, "vhost") != NULL || strstr(word, "vfio") != NULL)
		return cli_usage(cli, err, "--%s: '%.40s' is refused: " WHY_NOT, option,
				 word);
	return HV_OK;
}

/* FILE or FILE,ro: the path is a copy of its own, the rest is argv's. */
static enum hv_code take_disk(struct cli *cli, const char *text, struct cli_spec *made,
			      struct hv_err *err)
{
	size_t at = made->guest.n_disks, length = strcspn(text, ",");
	const char *word = text + length;
	Tarn__GuestDisk *disk = &made->guest_disks[at];
	enum hv_code code;

	if (at >= HV_GUEST_DISKS_MAX)
		return cli_usage(cli, err, "--disk: a guest has at most %d",
				 HV_GUEST_DISKS_MAX);
	if (length > HV_GUEST_FILE_MAX)
		return cli_usage(cli, err, "--disk: a path is at most %d bytes",
				 HV_GUEST_FILE_MAX);
	if (*word == ',')
		word++;
	code = check_word(cli, "disk", word, err);
	if (code != HV_OK)
		return code;
	if (text[length] == ',' && strcmp(word, "ro") != 0)
		return cli_usage(cli, err,
				 "--disk: '%.40s' behind the file is not known; it takes "
				 "FILE or FILE,ro",
				 word);
	(void)snprintf(made->guest_paths[at], sizeof(made->guest_paths[at]), "%.*s",
		       (int)length, text);
	tarn__guest_disk__init(disk);
	disk->path = made->guest_paths[at];
	disk->has_read_only = disk->read_only = *word != '\0';
	made->guest_disk_list[made->guest.n_disks++] = disk;
	return HV_OK;
}

static enum hv_code take_disks(struct cli *cli, struct cli_spec *made, struct hv_err *err)
{
	const struct cli_value *value;
	enum hv_code code = HV_OK;

	made->guest.disks = made->guest_disk_list;
	for (unsigned i = 0;
	     code == HV_OK && (value = cli_repeat(&cli->args, "disk", i)) != NULL; i++)
		code = take_disk(cli, value->text, made, err);
	return code;
}

static enum hv_code take_guest(struct cli *cli, struct cli_spec *made, struct hv_err *err)
{
	const struct cli_args *args = &cli->args;
	Tarn__GuestSpec *guest = &made->guest;
	const char *net = cli_text(args, "net");

	tarn__guest_spec__init(guest);
	/* the choices are in the enumerators' order, which begin at 1 */
	guest->kind = (Tarn__GuestKind)(cli_number(args, "guest", 0) + 1);
	guest->kernel = (char *)cli_text(args, "kernel"); /* only encoded */
	guest->initrd = (char *)cli_text(args, "initrd");
	guest->append = (char *)cli_text(args, "append");
	guest->net = (char *)net;
	guest->has_vcpus = true;
	guest->vcpus = (uint32_t)cli_number(args, "vcpus", 1);
	guest->has_accel = true;
	guest->accel = (Tarn__GuestAccel)(cli_number(args, "accel", 0) + 1);
	made->spec.guest = guest;
	if (net != NULL && check_word(cli, "net", net, err) != HV_OK)
		return HV_E_INVAL;
	return take_disks(cli, made, err);
}

/* ---- --program: words as a shell has them, without its variables ---- */

struct words {
	const char *at;
	char *to;        /* what is written next */
	const char *end; /* of the room for them */
	size_t count;
};

/* One word, its quotes taken away; false: a quote without its end, or no room. */
static bool read_word(struct words *words)
{
	char quote = '\0';

	for (; *words->at != '\0' && (quote != '\0' || *words->at != ' '); words->at++) {
		char c = *words->at;

		if (c == quote || (quote == '\0' && (c == '\'' || c == '"'))) {
			quote = c == quote ? '\0' : c;
			continue;
		}
		if (c == '\\' && quote != '\'' && words->at[1] != '\0')
			c = *++words->at;
		if (words->to + 1 >= words->end)
			return false;
		*words->to++ = c;
	}
	*words->to++ = '\0';
	return quote == '\0';
}

static enum hv_code split(struct cli *cli, const char *text, struct cli_spec *made,
			  struct hv_err *err)
{
	struct words words = { .at = text,
			       .to = made->guest_command,
			       .end = made->guest_command + sizeof(made->guest_command) };

	bool is_whole = true;

	for (words.at += strspn(words.at, " "); *words.at != '\0' && is_whole;
	     words.at += strspn(words.at, " ")) {
		if (words.count >= HV_GUEST_WORDS_MAX)
			return cli_usage(cli, err, "--program: at most %d words",
					 HV_GUEST_WORDS_MAX);
		is_whole = words.to < words.end;
		if (!is_whole)
			break;
		made->guest_words[words.count++] = words.to;
		is_whole = read_word(&words);
	}
	if (!is_whole || words.count == 0)
		return cli_usage(cli, err,
				 "--program: a command, with no quote left open, of at "
				 "most %d bytes",
				 HV_GUEST_WORDS_BYTES);
	made->guest.command = made->guest_words;
	made->guest.n_command = words.count;
	return HV_OK;
}

static enum hv_code take_program(struct cli *cli, struct cli_spec *made,
				 struct hv_err *err)
{
	tarn__guest_spec__init(&made->guest);
	made->guest.kind = TARN__GUEST_KIND__GUEST_PROGRAM;
	made->spec.guest = &made->guest;
	return split(cli, cli_text(&cli->args, "program"), made, err);
}

enum hv_code cli_guest_take(struct cli *cli, struct cli_spec *made, struct hv_err *err)
{
	enum hv_code code;

	if (!cli_guest_is_asked(cli))
		return check_no_options(cli, err);
	if (cli_flag(&cli->args, "program")) {
		code = check_program(cli, err);
		return code == HV_OK ? take_program(cli, made, err) : code;
	}
	code = check_options(cli, err);
	return code == HV_OK ? take_guest(cli, made, err) : code;
}

/* ---- what is shown ---- */

const char *cli_runs_text(const Tarn__LparView *lpar, char text[CLI_RUNS_BYTES])
{
	const Tarn__LparSpec *spec = lpar->record->spec;
	const Tarn__GuestStat *stat = lpar->stat != NULL ? lpar->stat->guest : NULL;

	if (spec->guest == NULL)
		return cli_enum_name(&tarn__workload_kind__descriptor,
				     spec->workload->kind, text, CLI_RUNS_BYTES);
	if (stat == NULL || !stat->has_accel)
		(void)snprintf(text, CLI_RUNS_BYTES, "%s",
			       hv_guest_kind_text(spec->guest->kind));
	else
		(void)snprintf(text, CLI_RUNS_BYTES, "%s (%s)",
			       hv_guest_kind_text(spec->guest->kind),
			       hv_guest_accel_text(stat->accel));
	return text;
}

bool cli_has_guests(size_t count, Tarn__LparView *const *lpars)
{
	for (size_t i = 0; i < count; i++)
		if (lpars[i]->record->spec->guest != NULL)
			return true;
	return false;
}

/* It is asked for, and what it became: why is QEMU's side of the story. */
static void show_accel(struct cli *cli, const Tarn__LparView *lpar)
{
	const Tarn__GuestSpec *guest = lpar->record->spec->guest;
	const Tarn__GuestStat *stat = lpar->stat != NULL ? lpar->stat->guest : NULL;
	const char *asked = hv_guest_accel_text(guest->accel);

	if (stat == NULL || !stat->has_accel)
		cli_show_line(cli->out, "accelerator", "%s", asked);
	else
		cli_show_line(cli->out, "accelerator", "%s, asked for %s%s%s",
			      hv_guest_accel_text(stat->accel), asked,
			      stat->accel_reason != NULL ? ": " : "",
			      stat->accel_reason != NULL ? stat->accel_reason : "");
}

/* As it may be typed again. */
static void show_program(struct cli *cli, const Tarn__GuestSpec *guest)
{
	char text[2 * HV_GUEST_WORDS_BYTES] = "";
	size_t used = 0;

	for (size_t i = 0; i < guest->n_command && used < sizeof(text); i++) {
		const char *word = guest->command[i];
		const char *quote = word[0] == '\0' || strpbrk(word, " \"\\") != NULL
					    ? "'"
					    : "";

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%s%s",
					 i > 0 ? " " : "", quote, word, quote);
	}
	cli_show_line(cli->out, "program", "%s", text);
}

void cli_guest_show_spec(struct cli *cli, const Tarn__LparView *lpar)
{
	const Tarn__GuestSpec *guest = lpar->record->spec->guest;

	if (guest->kind == TARN__GUEST_KIND__GUEST_PROGRAM) {
		show_program(cli, guest);
		return;
	}
	cli_show_line(cli->out, "guest", "%s, %" PRIu32 " virtual processor%s",
		      hv_guest_kind_text(guest->kind), guest->vcpus,
		      guest->vcpus == 1 ? "" : "s");
	show_accel(cli, lpar);
	cli_show_line(cli->out, "kernel", "%s",
		      guest->kernel != NULL ? guest->kernel : "of its first disk");
	if (guest->initrd != NULL)
		cli_show_line(cli->out, "initrd", "%s", guest->initrd);
	if (guest->append != NULL)
		cli_show_line(cli->out, "command line", "%s", guest->append);
	for (size_t i = 0; i < guest->n_disks; i++)
		cli_show_line(cli->out, "disk", "%s%s", guest->disks[i]->path,
			      guest->disks[i]->read_only ? ", read only" : "");
	cli_show_line(cli->out, "network", "%s",
		      guest->net != NULL ? guest->net : "none");
}

static void size_line(struct cli *cli, const char *label, bool is_there, uint64_t bytes)
{
	char size[CLI_SIZE_BYTES];

	if (is_there)
		cli_show_line(cli->out, label, "%10s",
			      hv_size_format(bytes, size, sizeof(size)));
}

void cli_guest_show_stat(struct cli *cli, const Tarn__GuestStat *stat)
{
	(void)fputc('\n', cli->out);
	cli_tone_print(cli->out, CLI_DIM, cli->is_colour, "  ITS KERNEL");
	(void)fputc('\n', cli->out);
	if (!stat->has_total_bytes)
		cli_show_line(cli->out, "memory", "it has said nothing of it");
	size_line(cli, "memory", stat->has_total_bytes, stat->total_bytes);
	size_line(cli, "free", stat->has_free_bytes, stat->free_bytes);
	size_line(cli, "available", stat->has_available_bytes, stat->available_bytes);
	size_line(cli, "file cache", stat->has_cache_bytes, stat->cache_bytes);
	size_line(cli, "its own page-ins", stat->has_swapped_in_bytes,
		  stat->swapped_in_bytes);
	size_line(cli, "its own page-outs", stat->has_swapped_out_bytes,
		  stat->swapped_out_bytes);
	size_line(cli, "in its balloon", stat->has_balloon_bytes, stat->balloon_bytes);
	size_line(cli, "  asked for", stat->has_balloon_target_bytes,
		  stat->balloon_target_bytes);
	if (stat->has_discarded_pages)
		cli_show_line(cli->out, "pages given back", "%10" PRIu64,
			      stat->discarded_pages);
	size_line(cli, "I/O that is seen", stat->has_io_observed_bytes,
		  stat->io_observed_bytes);
}
