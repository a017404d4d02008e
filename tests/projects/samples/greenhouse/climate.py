def degrees() -> int:
    return 31
