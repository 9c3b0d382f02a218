"""What every watcher needs: store, supervisor, journal, state folder."""
