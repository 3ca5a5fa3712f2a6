# bash completion of tarn; install as /usr/share/bash-completion/completions/tarn.
# The completion is made from tarn's own table of commands.
eval "$(tarn completion bash)"
