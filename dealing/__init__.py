"""The desk: use cases, storage, the web application and the one place that wires everything."""
