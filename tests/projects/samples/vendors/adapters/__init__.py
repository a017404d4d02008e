raise RuntimeError("the old adapters for SAP, kept for reference")
