def count(texts):
    """What a function returns becomes the outputs of its task."""
    text = " ".join(texts)
    return {"words": len(text.split()), "letters": sum(sign.isalpha() for sign in text)}
