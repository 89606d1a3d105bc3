"""What a replay came to, as one page that opens from disk: ``DIR/report.html``, and its figures in ``report.json``."""
