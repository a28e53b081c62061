"""The Fitness Machine Service over bleak; the only place that knows bleak and pyftms."""
