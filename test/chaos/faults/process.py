"""Faults of the servers' processes: killed, stopped and started again, or paused while a read is under way."""

import random

from chaos.faults.fault import Fault, Happened, for_a_while, unchanged
from chaos.place import Kind, Place
from chaos.readers import Question

DOWN_SECONDS = (0.0, 0.3)
PAUSE_SECONDS = (0.05, 1.2)


def restarted(end):
    """A server ends by `end(server)` at a frame, and is started again after a while."""

    def beside(place: Place, chance: random.Random, question: Question) -> Happened:
        server = place.servers[chance.choice(place.names)]
        met, answer = for_a_while(place, chance, question, lambda: end(server), server.start, DOWN_SECONDS)
        if met:
            place.settle()
        return Happened(met, answer, unchanged(place))

    return beside


def paused(place: Place, chance: random.Random, question: Question) -> Happened:
    """SIGSTOP: connections stay open, nothing answers."""
    server = place.servers[chance.choice(place.names)]
    met, answer = for_a_while(place, chance, question, server.pause, server.resume, PAUSE_SECONDS)
    return Happened(met, answer, unchanged(place))


def forgets(place: Place, chance: random.Random, question: Question) -> Happened:
    """The only replica of streams in memory is killed: what it held is gone."""
    server = place.servers[place.leader(question.stream)]
    met, answer = for_a_while(place, chance, question, server.kill, server.start, DOWN_SECONDS)
    published = place.world(question.stream)
    # Read after the loss, the stream is what the server says: empty, or not there.
    worlds = [published, place.declared(question.stream)] if met and not (question.after or question.upto) else [published]
    return Happened(met, answer, lambda asked: worlds if asked is question else [place.world(asked.stream), place.declared(asked.stream)])


def keeps(kind: Kind) -> bool:
    """Whether a server that ends takes nothing with it."""
    return kind.storage == "file" or kind.replicas > 1


FAULTS = (
    Fault("kill -9", restarted(lambda server: server.kill()), keeps),
    Fault("restart", restarted(lambda server: server.stop()), keeps),
    Fault("SIGSTOP", paused),
    Fault("memory lost with its server", forgets, lambda kind: not keeps(kind), lasting=True),
)
