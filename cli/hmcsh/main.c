/* tarn-hmcsh - the shell of an HMC, for ssh. */
#include "cli/hmcsh/session.h"

#include <unistd.h>

int main(int argc, char **argv)
{
	struct hmcsh_config config;
	int rv = hmcsh_config_parse(argc, argv, &config);

	return rv >= 0 ? rv : hmcsh_session_main(&config, environ);
}
