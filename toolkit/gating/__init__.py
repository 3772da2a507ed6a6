"""What gates are made of: the policy a reviewer wrote, and how each rule is judged on a number's interval."""
