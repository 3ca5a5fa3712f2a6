"""power SOCKET - presses the power button of a QEMU, by QMP."""
import json
import socket
import sys

with socket.socket(socket.AF_UNIX) as peer:
    peer.settimeout(20)
    peer.connect(sys.argv[1])
    stream = peer.makefile("rw")
    stream.readline()
    for command in "qmp_capabilities", "system_powerdown":
        stream.write(json.dumps({"execute": command}) + "\n")
        stream.flush()
        answer = stream.readline()
        if "error" in answer:
            sys.exit(answer)
