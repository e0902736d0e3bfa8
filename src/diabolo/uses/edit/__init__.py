"""Changing rows by changing their codes: directions, ways between two, sums, and what it costs.

directions  a step in the code space that stands for a label, or for what varies most
paths       from one code to another: straight, along a sphere, along the decoder's own metric
inversion   the code of a given row, also for generators, which have no encoder
effects     how far an edit moves what it should move, and everything else
"""
