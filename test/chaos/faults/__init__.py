"""What breaks. A fault is a row of a list: its name, where it is possible, how it is done, and what an answer may then be."""

from chaos.faults import cluster, content, disk, process, wire
from chaos.faults.fault import Fault

FAULTS: tuple[Fault, ...] = (*wire.FAULTS, *process.FAULTS, *cluster.FAULTS, *content.FAULTS, *disk.FAULTS)
