/* vios_shell - see vios_shell.h. */
#include "cli/hmc/vios_shell.h"

#include <inttypes.h>
#include <string.h>

#include "hvcore/base/units.h"

#define LINE_BYTES 512
#define WORDS_MAX HMC_VIOS_FIELDS_MAX

struct words {
	char line[LINE_BYTES];
	unsigned count;
	const char *words[WORDS_MAX];
};

static enum hv_code fail(struct hv_err *err, const char *format, const char *word)
{
	char reason[LINE_BYTES + 128];

	(void)snprintf(reason, sizeof(reason), "%s%s", format, word);
	return hmc_fail(err, HMC_VIOS_COMMAND, reason, NULL, NULL);
}

static const struct hmc_vios_column *find_column(const struct hmc_vios_column *columns,
						 const char *name)
{
	for (; columns->name != NULL; columns++)
		if (strcmp(columns->name, name) == 0)
			return columns;
	return NULL;
}

static unsigned find_word(const struct words *words, const char *word)
{
	for (unsigned i = 1; i < words->count; i++)
		if (strcmp(words->words[i], word) == 0)
			return i;
	return 0;
}

/* The word behind an option; NULL: no such option, or nothing behind it. */
static const char *value_of(const struct words *words, const char *option)
{
	unsigned at = find_word(words, option);

	return at != 0 && at + 1 < words->count ? words->words[at + 1] : NULL;
}

static enum hv_code take_view(const struct words *words,
			      const struct hmc_vios_column *columns,
			      struct hmc_vios_view *view, struct hv_err *err)
{
	unsigned at = find_word(words, "-field");

	*view = (struct hmc_vios_view){ .columns = columns,
					.delimiter = value_of(words, "-fmt") };
	for (; at != 0 && at + 1 < words->count && words->words[at + 1][0] != '-'; at++) {
		const struct hmc_vios_column *column = find_column(columns,
								   words->words[at + 1]);

		if (column == NULL)
			return fail(err, "Invalid field name: ", words->words[at + 1]);
		view->fields[view->count++] = column;
	}
	if (view->count > 0)
		return HV_OK;
	for (const struct hmc_vios_column *row = columns; row->name != NULL; row++)
		if (!row->is_on_request)
			view->fields[view->count++] = row;
	return HV_OK;
}

enum which { ALL, FREE };

/* `only` NULL: all. */
static void print_devices(const struct hmc_vios *vios, const struct hmc_vios_view *view,
			  enum which which, const Tarn__DeviceView *only)
{
	const Tarn__StatusReply *status = vios->system->status;

	for (size_t i = 0; i < status->n_devices; i++) {
		struct hmc_vios_thing thing = { vios, status->devices[i], (unsigned)i };
		bool is_free = strcmp(thing.device->state, "Inactive") == 0;

		if (hmc_vios_sees(vios, thing.device) && (which == ALL || is_free) &&
		    (only == NULL || only == thing.device))
			hmc_vios_print(view, &thing, vios->out);
	}
}

/* The paging device of that name, or of the name that lsmap gives it. */
static const Tarn__DeviceView *find_device(const struct hmc_vios *vios, const char *name)
{
	const Tarn__StatusReply *status = vios->system->status;

	for (size_t i = 0; name != NULL && i < status->n_devices; i++) {
		struct hmc_vios_thing thing = { vios, status->devices[i], (unsigned)i };

		if (hmc_vios_sees(vios, thing.device) && hmc_vios_is_called(&thing, name))
			return thing.device;
	}
	return NULL;
}

/* The device behind an option; *ret_device stays NULL where the option is not there. */
static enum hv_code take_device(const struct hmc_vios *vios, const struct words *words,
				const char *option, const Tarn__DeviceView **ret_device,
				struct hv_err *err)
{
	const char *name = value_of(words, option);

	*ret_device = NULL;
	if (find_word(words, option) == 0)
		return HV_OK;
	*ret_device = find_device(vios, name);
	if (*ret_device != NULL)
		return HV_OK;
	return fail(err, "The device does not exist: ", name != NULL ? name : option);
}

static enum hv_code run_lsdev(const struct hmc_vios *vios, const struct words *words,
			      struct hv_err *err)
{
	bool is_virtual = find_word(words, "-virtual") != 0;
	const struct hmc_vios_thing vasi = { .vios = vios };
	const Tarn__DeviceView *only;
	struct hmc_vios_view view;
	enum hv_code code = take_view(
		words, is_virtual ? hmc_vios_virtual_columns : hmc_vios_disk_columns,
		&view, err);

	if (code == HV_OK)
		code = take_device(vios, words, "-dev", &only, err);
	if (code != HV_OK)
		return code;
	if (view.delimiter == NULL)
		hmc_vios_print_head(&view, vios->out);
	if (is_virtual && only == NULL)
		hmc_vios_print(&view, &vasi, vios->out);
	print_devices(vios, &view, ALL, only);
	return HV_OK;
}

/* lspv -size NAME: the number alone. */
static enum hv_code print_size(const struct hmc_vios *vios, const char *name,
			       struct hv_err *err)
{
	const Tarn__DeviceView *device = find_device(vios, name);

	if (device == NULL)
		return fail(err, "The physical volume does not exist: ", name);
	(void)fprintf(vios->out, "%" PRIu64 "\n", hmc_vios_size_mib(device));
	return HV_OK;
}

static enum hv_code run_lspv(const struct hmc_vios *vios, const struct words *words,
			     struct hv_err *err)
{
	const char *name = value_of(words, "-size");
	bool is_sized = find_word(words, "-size") != 0, is_free = false;
	struct hmc_vios_view view;
	enum hv_code code;

	if (name != NULL && name[0] != '-')
		return print_size(vios, name, err);
	is_free = find_word(words, "-free") != 0 || find_word(words, "-avail") != 0;
	code = take_view(words,
			 is_sized || is_free ? hmc_vios_size_columns
					     : hmc_vios_volume_columns,
			 &view, err);
	if (code != HV_OK)
		return code;
	if (view.delimiter == NULL)
		hmc_vios_print_head(&view, vios->out);
	print_devices(vios, &view, is_free ? FREE : ALL, NULL);
	return HV_OK;
}

/* Only paging devices are mapped: without -ams there is nothing. */
static enum hv_code run_lsmap(const struct hmc_vios *vios, const struct words *words,
			      struct hv_err *err)
{
	const Tarn__DeviceView *only;
	struct hmc_vios_view view;
	enum hv_code code = take_device(vios, words, "-vtd", &only, err);

	if (code != HV_OK)
		return code;
	if (find_word(words, "-all") == 0 && only == NULL)
		return fail(err, "Command requires one of the following options: ",
			    "-all -vtd");
	if (find_word(words, "-ams") == 0)
		return HV_OK;
	code = take_view(words, hmc_vios_paging_columns, &view, err);
	view.is_block = true;
	if (code == HV_OK)
		print_devices(vios, &view, ALL, only);
	return code;
}

/* Whether a device could be made a paging device; all that it knows are some already. */
static enum hv_code run_prepdev(const struct hmc_vios *vios, const struct words *words,
				struct hv_err *err)
{
	const char *name = value_of(words, "-dev");

	if (name == NULL)
		return fail(err,
			    "Command requires one of the following options: ", "-dev");
	if (find_device(vios, name) == NULL)
		return fail(err, "The device does not exist: ", name);
	return fail(err,
		    "The device is a paging device of the shared memory pool; take it "
		    "from there with chhwres -r mempool --rsubtype pgdev -o r: ",
		    name);
}

/* The command as a whole in quotes, as an HMC's own examples write it: without them. */
static void unquote(char *line)
{
	size_t length = strlen(line);

	if (length < 2 || line[0] != '"' || strchr(line + 1, '"') != line + length - 1)
		return;
	line[0] = line[length - 1] = ' ';
}

/* Words with blanks between, in quotes where they have some themselves. */
static enum hv_code split(const char *line, struct words *words, struct hv_err *err)
{
	char *at = words->line;

	words->count = 0;
	if (strlen(line) >= sizeof(words->line))
		return fail(err, "the command is too long", "");
	memcpy(words->line, line, strlen(line) + 1);
	unquote(words->line);
	for (;;) {
		char quote;
		size_t length;

		at += strspn(at, " \t");
		if (*at == '\0')
			return HV_OK;
		if (words->count == WORDS_MAX)
			return fail(err, "the command has too many words", "");
		quote = *at == '\'' || *at == '"' ? *at++ : '\0';
		words->words[words->count++] = at;
		length = quote != '\0' ? strcspn(at, quote == '"' ? "\"" : "'")
				       : strcspn(at, " \t");
		at += length;
		if (*at != '\0')
			*at++ = '\0';
	}
}

/* How many words an option may have behind it; -1: there is no such option. */
static int option_values(const char *options, const char *word)
{
	size_t n = strlen(word);

	if (word[0] != '-') /* "" is found everywhere */
		return -1;
	for (const char *at = options; (at = strstr(at, word)) != NULL; at++) {
		if (at != options && at[-1] != ' ')
			continue;
		switch (at[n]) {
		case ' ':
		case '\0':
			return 0;
		case ':':
		case '?':
			return 1;
		case '*':
			return WORDS_MAX;
		default:
			break; /* the beginning of a longer one */
		}
	}
	return -1;
}

static enum hv_code check_options(const struct words *words, const char *options,
				  struct hv_err *err)
{
	int left = 0;

	for (unsigned i = 1; i < words->count; i++) {
		const char *word = words->words[i];
		bool is_value = word[0] != '-' && left > 0;

		left = is_value ? left - 1 : option_values(options, word);
		if (left < 0)
			return fail(err, "Option flag is not valid: ", word);
	}
	return HV_OK;
}

enum hv_code hmc_vios_run(const struct hmc_vios *vios, const char *line,
			  struct hv_err *err)
{
	static const struct {
		const char *name;
		enum hv_code (*run)(const struct hmc_vios *vios,
				    const struct words *words, struct hv_err *err);
		const char *options; /* ":" one value, "*" some, "?" one or none */
	} commands[] = {
		{ "lsdev", run_lsdev, "-virtual -dev: -field* -fmt:" },
		{ "lspv", run_lspv, "-size? -free -avail -field* -fmt:" },
		{ "lsmap", run_lsmap, "-ams -all -vtd: -field* -fmt:" },
		{ "prepdev", run_prepdev, "-dev:" },
	};
	struct words words;
	enum hv_code code = split(line, &words, err);

	if (code != HV_OK)
		return code;
	if (words.count == 0)
		return fail(err, "no command was entered", "");
	for (unsigned i = 0; i < HV_COUNT(commands); i++) {
		if (strcmp(words.words[0], commands[i].name) != 0)
			continue;
		code = check_options(&words, commands[i].options, err);
		return code == HV_OK ? commands[i].run(vios, &words, err) : code;
	}
	return fail(err, "rksh: not found: ", words.words[0]);
}
