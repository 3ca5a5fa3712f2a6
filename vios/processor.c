/* processor - see processor.h. */
#include "vios/processor.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "hvcore/wire/session.h"

#define DEPTH_MAX 8  /* devices on devices; directories up to the interrupts */
#define IRQS_MAX 256 /* of one device: a queue for each processor, and some */
#define NS_PER_S UINT64_C(1000000000)
#define STAT_BYTES 16384 /* of /proc/stat: its first lines, 100 for each processor */
#define LINE_BYTES 65536 /* of /proc/interrupts: 11 for each processor */

struct irqs {
	unsigned at[IRQS_MAX];
	unsigned count;
};

/* Entries of a directory, without those that begin with a dot; -1: there is none. */
static int count_entries(const char *path, char ret_last[NAME_MAX + 1])
{
	const struct dirent *entry;
	DIR *dir = opendir(path);
	int count = 0;

	if (dir == NULL)
		return -1;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(ret_last, NAME_MAX + 1, "%s", entry->d_name);
		count++;
	}
	(void)closedir(dir);
	return count;
}

static bool join(char to[PATH_MAX], const char *path, const char *name)
{
	int n = snprintf(to, PATH_MAX, "%s/%s", path, name);

	return n > 0 && n < PATH_MAX;
}

static bool has(const char *path, const char *name)
{
	char at[PATH_MAX];

	return join(at, path, name) && access(at, F_OK) == 0;
}

static bool go_up(char path[PATH_MAX])
{
	char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return false;
	*slash = '\0';
	return true;
}

/* From a partition to its disk, from a device to the one below. */
static bool find_disk(char path[PATH_MAX])
{
	char name[NAME_MAX + 1], slaves[PATH_MAX], below[PATH_MAX];

	for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
		int count;

		if (has(path, "partition") && !go_up(path))
			return false;
		if (!join(slaves, path, "slaves"))
			return false;
		count = count_entries(slaves, name);
		if (count <= 0)
			return true;
		if (count > 1 || !join(below, slaves, name) ||
		    realpath(below, path) == NULL)
			return false;
	}
	return false;
}

static bool has_one_queue(const char *disk)
{
	char name[NAME_MAX + 1], queues[PATH_MAX];

	return join(queues, disk, "mq") && count_entries(queues, name) == 1;
}

static void add_irqs(const char *path, struct irqs *irqs)
{
	const struct dirent *entry;
	DIR *dir = opendir(path);

	if (dir == NULL)
		return;
	while (irqs->count < IRQS_MAX && (entry = readdir(dir)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]))
			irqs->at[irqs->count++] = (unsigned)strtoul(entry->d_name, NULL,
								    10);
	(void)closedir(dir);
}

/* Of the nearest device above the disk that has any. */
static void find_irqs(char path[PATH_MAX], struct irqs *irqs)
{
	char at[PATH_MAX];

	irqs->count = 0;
	for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
		if (join(at, path, "msi_irqs"))
			add_irqs(at, irqs);
		if (irqs->count > 0 || !go_up(path))
			return;
	}
}

static bool is_of(const struct irqs *irqs, unsigned irq)
{
	for (unsigned i = 0; i < irqs->count; i++)
		if (irqs->at[i] == irq)
			return true;
	return false;
}

/* "36:   12   34 PCI-MSIX ...": all that came, on whichever processor. */
static unsigned long long sum_of(const char *counts)
{
	unsigned long long all = 0;
	char *end;

	for (unsigned i = 0; i < HV_PROCESSORS_MAX; i++) {
		unsigned long long count = strtoull(counts, &end, 10);

		if (end == counts || (*end != ' ' && *end != '\n' && *end != '\0'))
			break; /* the chip's name, which may begin with a digit */
		all += count;
		counts = end;
	}
	return all;
}

/* The one of them that came most; false: none has come. */
static bool find_busiest(const char *root, const struct irqs *irqs, unsigned *ret_irq)
{
	unsigned long long most = 0;
	char path[PATH_MAX];
	char *line = NULL;
	size_t room = 0;
	FILE *file;

	if (!join(path, root, "proc/interrupts"))
		return false;
	file = fopen(path, "re");
	while (file != NULL && getline(&line, &room, file) > 0 && room <= LINE_BYTES) {
		unsigned long long count;
		char *end;
		unsigned irq = (unsigned)strtoul(line, &end, 10);

		if (end == line || *end != ':' || !is_of(irqs, irq))
			continue;
		count = sum_of(end + 1);
		if (count <= most)
			continue;
		most = count;
		*ret_irq = irq;
	}
	if (file != NULL)
		(void)fclose(file);
	free(line);
	return most > 0;
}

/* Where it goes: one processor, or the kernel may choose. */
static unsigned target_of(const char *root, unsigned irq)
{
	char name[80], path[PATH_MAX], line[64] = "";
	unsigned long processor;
	FILE *file;
	char *end;

	(void)snprintf(name, sizeof(name), "proc/irq/%u/effective_affinity_list", irq);
	if (!join(path, root, name))
		return 0;
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fgets(line, sizeof(line), file) == NULL)
		line[0] = '\0';
	(void)fclose(file);
	processor = strtoul(line, &end, 10);
	if (end == line || (*end != '\n' && *end != '\0') ||
	    processor >= HV_PROCESSORS_MAX)
		return 0;
	return 1 + (unsigned)processor;
}

unsigned vios_processor_of(const char *root, uint64_t dev)
{
	char name[64], link[PATH_MAX], path[PATH_MAX];
	struct irqs irqs;
	unsigned irq;

	(void)snprintf(name, sizeof(name), "sys/dev/block/%u:%u", major(dev), minor(dev));
	if (!join(link, root, name) || realpath(link, path) == NULL || !find_disk(path) ||
	    !has_one_queue(path))
		return 0;
	find_irqs(path, &irqs);
	if (!find_busiest(root, &irqs, &irq))
		return 0;
	return target_of(root, irq);
}

/* "cpu1 10 0 20 300 40 ..": ticks; the fourth was idle, the fifth as well. */
static bool read_idle(const char *line, uint64_t *ret_ticks)
{
	unsigned long long ticks[5];

	for (unsigned i = 0; i < HV_COUNT(ticks); i++) {
		char *end;

		ticks[i] = strtoull(line, &end, 10);
		if (end == line)
			return false;
		line = end;
	}
	*ret_ticks = ticks[3] + ticks[4];
	return true;
}

bool vios_processor_idle(const char *root, unsigned processor, uint64_t *ret_idle_ns)
{
	char path[PATH_MAX], text[STAT_BYTES], name[16];
	long per_s = sysconf(_SC_CLK_TCK);
	const char *line;
	uint64_t ticks;
	ssize_t count;
	int fd;

	if (!join(path, root, "proc/stat") || per_s <= 0)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	count = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (count <= 0)
		return false;
	text[count] = '\0';
	(void)snprintf(name, sizeof(name), "\ncpu%u ", processor);
	line = strstr(text, name);
	if (line == NULL || !read_idle(line + strlen(name), &ticks))
		return false;
	*ret_idle_ns = ticks * (NS_PER_S / (uint64_t)per_s);
	return true;
}
