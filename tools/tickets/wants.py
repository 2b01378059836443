"""What people say outright after the story: the wish put plainly, by queue."""

WANTS = {
    "late_delivery": """
- [Please|Could you] find out where [the parcel|my parcel|the box] is.
- When will it [finally be delivered|arrive|get to me]?
- I [just|only] want my [delivery|parcel|order] to [arrive|come].
- Can you [ask|chase|push] {carrier} about the delivery?
- Please open a [trace|search] with the courier.
- I need a [delivery date|new delivery time] I can rely on.
- Has the parcel [got lost|gone missing|been lost]?
- The tracking [is no help|tells me nothing], so what's the [delivery status|real status]?
- Where is [the shipment|my delivery] now?
- This delivery is [far too|much too|so] late.
- ~ wheres my parcel
- ~ when is it coming
- ~ can u check the tracking
- ^ Kindly inform me when delivery may be expected.
""",
    "wrong_or_damaged_item": """
- Please send me [the right one|the correct item|what I ordered].
- I'd like a [replacement|proper one] for what came out of the box.
- It [arrived|was delivered] like that, so [please replace it|what do you suggest].
- That's not the item I [ordered|expected to find in the box].
- Can you [ship|post] a new one, [undamaged|whole|the right one this time]?
- You sent the wrong [thing|item|article], or a bad one.
- I've [taken|made] photos of the [damage|box and the contents].
- It must have [happened|gone wrong] when it was packed.
- What came out of the box is not [right|all right|in order].
- The item I unpacked is not [the one I ordered|in the state I ordered it].
- ~ send me the right one pls
- ~ it came broken
- ~ this is the wrong item
- ^ I request delivery of an undamaged article as ordered.
""",
    "refund_status": """
- [When|On which day] will the refund [be paid|arrive|be in my account]?
- I'm [still|now] waiting for my [refund|money back].
- Please check [where the refund is|what happened to the refund].
- Has the refund been [paid out|processed|sent]?
- I want to see the refund [on my statement|in my account] [this week|by {day}].
- Please pay the [refund|rest of the refund|money] out [now|at last].
- The refund is [overdue|still missing|late].
- What is the status of my refund?
- I'd like my [money|{amount}] refunded [in full|at last], as [promised|agreed].
- Nothing has been refunded [so far|as of today].
- ~ wheres the refund
- ~ still no refund
- ~ pls send the money back
- ^ I kindly ask that the refund be remitted without further delay.
""",
    "return_request": """
- I'd like to [return|send back] [it|the {noun}].
- Please send me a return [label|slip].
- How do I [return|exchange] it?
- Can I [return|exchange|swap] it?
- I want to [exchange it|return it] [within the 30 days|before the deadline].
- What do I have to do to [return this|make a return|get an exchange]?
- Please [set up|register|book] the return for me.
- Is a return [still |]possible?
- It's unused, so I hope the return is no problem.
- So I'd [rather|prefer to] send it [back to you|back].
- ~ wanna return it
- ~ need a return label
- ~ can i exchange it
- ^ Kindly let me have the documents for the return.
""",
    "warranty_claim": """
- Is that covered by [the warranty|your guarantee]?
- I'd like to [claim|make a claim] under [warranty|the guarantee].
- That should be a [warranty|guarantee] case.
- It's still [under warranty|within the two years|in guarantee].
- How do I [start|file|make] a warranty claim?
- That can't be [wear and tear|normal] after so [little use|short a time].
- To me it's a [manufacturing fault|defect in the material].
- It should have lasted [years|much longer].
- Please [repair|replace] it under warranty.
- What does your guarantee say about that?
- ~ is there warranty on this
- ~ shouldnt break after a year
- ~ i want to claim warranty
- ^ I therefore ask for repair or replacement under the statutory guarantee.
""",
    "order_change_or_cancel": """
- Please [change|correct] the order [before it ships|before you send it].
- Can the order still be [changed|altered]?
- Please change or cancel [it|the order], whatever [still works|is easier].
- It's about changing or cancelling an order.
- [Please catch it|Stop it] before it [leaves the warehouse|is packed|goes out].
- It's not been sent yet, so [changing it should be easy|I hope you can change it].
- Can you [update|edit|amend] the order for me?
- Is there still time to change the order?
- Please confirm [that|when] the order has been changed.
- ~ can u change the order
- ~ change or cancel the order pls
- ~ pls change it before it ships
- ^ Kindly confirm that the order has been altered accordingly.
""",
    "payment_problem": """
- Please check the payment.
- What went wrong with the [payment|charge|checkout]?
- I'd like the [wrong charge|extra charge] [looked into|explained|put right].
- How can I [pay|complete the payment] [now|then]?
- My bank says the [payment|charge] is [with you|on your side].
- Please [correct|check] what was [charged|billed].
- Your payment page [has a fault|is not working as it should], I think.
- Something is wrong with the [billing|payment|invoice].
- I have the [bank statement|card statement|receipt] here.
- ~ payment isnt working
- ~ sort the payment out pls
- ~ i got charged wrong
- ^ Kindly examine the payment and correct it.
""",
    "account_access": """
- I [need|want] to get [back into|access to] my account.
- Please [reset|unlock] my account.
- How do I [log in|sign in] now?
- Can you [reset my password|send a new login|unblock the login]?
- I [still |]can't get to my account.
- Please check [my login|the account] for me.
- Is my account [safe|blocked|secure]?
- I'd like to be able to log in again.
- Without the login I [can't see my orders|can do nothing].
- ~ just let me log in
- ~ pls fix my login
- ~ need my account back
- ^ Kindly restore access to my account.
""",
    "membership_billing": """
- It's about my [Cairn |]membership.
- Please [check|correct] my membership.
- I want the membership fee [explained|back|looked at].
- What happens to my membership [now|then]?
- Please look into my [Cairn |]membership [account|billing].
- As a Cairn member I [expect|expected] that to [work|be clear].
- I don't want to pay [for a membership like this|the membership fee for nothing].
- Please confirm it for my Cairn membership in writing.
- What does the membership cost me [now|in the end]?
- ~ sort out my membership pls
- ~ its about the cairn membership
- ^ Kindly confirm the state of my membership in writing.
""",
    "product_advice": """
- [Any|I'd be glad of] advice [is welcome|before I buy].
- What would you recommend?
- I'd like to [know|ask] before I buy [it|one].
- It's a question about the product, I [don't own|haven't ordered] it yet.
- I haven't bought anything yet.
- Would it [suit|be right for] me, what do you think?
- Do you have experience with it?
- I can't find it in the product description.
- I want to be sure before I order.
- Is it the right choice for [me|what I do]?
- ~ what do u recommend
- ~ thinking of buying it
- ^ I should be grateful for your recommendation.
""",
    "privacy_request": """
- Please [delete|erase] my [data|personal data|details].
- I don't want my data [used|kept|passed on].
- Please confirm that my data [has been|was] deleted.
- I take my privacy seriously.
- What about data protection?
- I never agreed to [that|this use of my data].
- No more [mails|advertising|marketing] to me.
- ~ delete my data
- ~ stop using my data
- ^ I refer to my rights under the data protection law.
""",
    "store_and_repair": """
- Could the [workshop|shop] [help me|look at that]?
- Please [pass it on to|ask] your [workshop|store|shop].
- I'd [come|drop by] to your [shop|store] for it.
- Who do I talk to in the [store|shop|workshop]?
- It's about the [shop|store|workshop] in {city}.
- When can I come to the [shop|store|workshop]?
- I'm [often |]near your {city} store.
- Please ask the people in the {city} [shop|store|workshop].
- It's [something for|a matter for] your workshop or your shop, I think.
- ~ can the store help
- ~ is the workshop in {city} any good
- ^ Kindly ask the branch in {city} to contact me.
""",
}
