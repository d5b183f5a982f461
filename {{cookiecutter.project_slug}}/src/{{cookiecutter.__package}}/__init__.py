"""The service. `app.py` says what it is made of; `runtime/` is what it runs on."""
