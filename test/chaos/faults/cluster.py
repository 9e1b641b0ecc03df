"""Faults of a cluster: leaders that step down, and servers that the others cannot reach."""

import random
import time

from chaos.faults.fault import Fault, Happened, at_a_frame, for_a_while, later, unchanged
from chaos.place import Kind, Place
from chaos.readers import Question

APART_SECONDS = (0.1, 1.5)
DOWN_SECONDS = (0.0, 1.0)
BETWEEN_SECONDS = 1.0
STEPS = 2


def replicated(kind: Kind) -> bool:
    return kind.replicas > 1


def step_down(place: Place, chance: random.Random, question: Question) -> Happened:
    """The leader of the stream gives it up, at a frame and once more a second later."""
    moving = []

    def give_up():
        place.call(lambda wire: wire.request(f"STREAM.LEADER.STEPDOWN.{question.stream}"))

    def action():
        moving.append(later(0, give_up))
        if chance.random() < 0.3:
            moving.append(later(BETWEEN_SECONDS, give_up))

    met, answer = at_a_frame(place, chance, question, action)
    for thread in moving:
        thread.join()
    place.settle()
    return Happened(met, answer, unchanged(place))


def leader_killed(place: Place, chance: random.Random, question: Question) -> Happened:
    """The server that leads the stream is killed, and comes back."""
    server = place.servers[place.leader(question.stream)]
    met, answer = for_a_while(place, chance, question, server.kill, server.start, DOWN_SECONDS)
    place.settle()
    return Happened(met, answer, unchanged(place))


def partitioned(place: Place, chance: random.Random, question: Question) -> Happened:
    """One server loses the other two for a while; readers reach all three."""
    apart = chance.choice(place.names)
    links = [link for ends, link in place.links.items() if apart in ends]

    def cut():
        for link in links:
            link.cut()

    def heal():
        for link in links:
            link.heal()

    met, answer = for_a_while(place, chance, question, cut, heal, APART_SECONDS)
    if met:
        # A server tries a route again about once a second.
        time.sleep(BETWEEN_SECONDS)
        place.settle()
    return Happened(met, answer, unchanged(place))


FAULTS = (
    Fault("leader steps down", step_down, replicated),
    Fault("leader killed", leader_killed, replicated),
    Fault("partition between servers", partitioned, lambda kind: kind.servers > 1),
)
