/* A null pointer that only the analyzer follows. */
int value(int n);

int value(int n)
{
	int *at = 0;

	if (n > 3)
		return *at;
	return 0;
}
