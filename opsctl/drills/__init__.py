"""Drills: a client writes through the real route, a fault strikes, everything is read back.

`program` packs the client that is sent to a host. `faults` and `strikes` say what is broken and how
it heals by itself. `document` reads what the client recorded, `measure` counts, `timeline` tells
what happened when, `verdict` compares with what was promised, `report` holds all of it and `page`,
`markdown` and `lines` show it. All of it is pure but the client, which runs elsewhere.
"""
