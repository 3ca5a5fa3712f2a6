/* Spaces where tabs belong. */
int odd(int n);

int odd(int n) {
    return n;
}
