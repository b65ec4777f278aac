"""The application: settings, assembly, consent, ledger, audit writer, command line and sandbox."""
