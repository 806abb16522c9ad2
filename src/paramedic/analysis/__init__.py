"""Facts from events. The machines in here are pure and judge nothing; the hazards' lenses judge.

``world`` knows names, ``clocks`` what happened before what, ``calls`` which calls were open when, ``contract`` which
pairs of calls exclude each other, ``conflicts`` which such pairs met, ``locks`` holds and orders, ``channels``
windows and ends, ``lives`` closing and use after it, ``run`` drives them all over one recording.
"""
