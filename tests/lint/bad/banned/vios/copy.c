/* strcpy(in, a comment) is fine, and so is "gets(this)". */
#include <string.h>

void copy(char *to, const char *from);

void copy(char *to, const char *from)
{
	strcpy(to, from); /* is not */
	my_strcpy(to, "sprintf(x)");
	to->rand(1);
	if (atoi(from) > 0 || rand () > 1)
		return;
}
