"""The only room that knows SQLite: tomograms, jobs and leases, results, events."""
