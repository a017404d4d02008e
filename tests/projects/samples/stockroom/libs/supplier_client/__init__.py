class Supplier:
    def __init__(self, book):
        self.book = book
        self.open = False

    async def __aenter__(self):
        self.open = True
        return self

    async def __aexit__(self, *_):
        self.open = False

    async def order(self, part, count):
        assert self.open, "the connection to the supplier is closed"
        with self.book.open("a") as book:
            book.write(f"{count} x {part}\n")
