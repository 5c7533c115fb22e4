"""What the providers' own documents allow on the wire: requests, answers and notifications are held against it.

`wire` watches a simulator and collects what passed; `google` and `graph` judge an exchange, each by the words of its
provider. The simulators are strict about requests by themselves; these schemas were written apart from them, so that
adapter and simulator cannot be wrong in the same way.
"""
