"""What shops and other programs of the venue may ask of central over HTTP: /api/1/…"""
