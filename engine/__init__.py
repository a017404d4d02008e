"""What an approval is: synchronous, standard library only, told the time, no I/O."""
