"""A broker's access: who may do what, how they prove who they are, and the files that say so."""
