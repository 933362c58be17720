"""Properties of the core are checked without hypothesis' time limit: the machine may be busy with other tests."""

from hypothesis import settings

settings.register_profile("steady", deadline=None, print_blob=True)
settings.load_profile("steady")
