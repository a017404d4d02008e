"""Everything that Signoff keeps: plain Redis >= 6.2 or Valkey, no modules.

`connection` is how we connect, `scripts` is what we say, `keys` is where things are. The stores stand on these three.
"""
