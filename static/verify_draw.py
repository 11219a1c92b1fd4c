"""Check a draw by yourself: python3 verify_draw.py draw.json [ticket-id]

draw.json is what GET /api/v1/launches/<launch>/draw/ answered. Needs Python 3.8 and nothing else. Compare the
commitment that it prints with the one that you saw before the draw. Ends with status 1 when something is wrong.
"""

import hashlib
import hmac
import json
import sys


def faults(draw):
    """What is wrong with a draw, as sentences; empty when it is right."""
    found = []
    seed, tickets = draw["seed"].encode(), draw["tickets"]
    if hashlib.sha256(seed).hexdigest() != draw["commitment"]:
        found.append("the seed is not the one that was promised")
    if tickets != sorted(set(tickets)):
        found.append("the list of tickets is not sorted, or names one twice")
    if hashlib.sha256("".join(ticket + "\n" for ticket in tickets).encode()).hexdigest() != draw["tickets_sha256"]:
        found.append("the list of tickets is not the one that was frozen")
    # The rule, in one line:
    order = sorted(tickets, key=lambda ticket: hmac.new(seed, ticket.encode(), hashlib.sha256).hexdigest())
    if order != draw["order"]:
        found.append("the order does not follow from seed and tickets")
    return found


def main(arguments):
    if not 1 <= len(arguments) <= 2:
        sys.exit(__doc__)
    with open(arguments[0], encoding="utf-8") as file:
        draw = json.load(file)
    if draw["seed"] is None:
        sys.exit("not drawn yet: there is only the commitment, " + draw["commitment"])
    wrong = faults(draw)
    if wrong:
        sys.exit("\n".join("WRONG: " + sentence for sentence in wrong))
    lines = ["commitment " + draw["commitment"], "right: {} tickets in the drawn order".format(len(draw["order"]))]
    if len(arguments) == 2:
        if arguments[1] not in draw["order"]:
            sys.exit("this ticket did not take part in the draw")
        lines.append("place {}".format(draw["order"].index(arguments[1]) + 1))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
