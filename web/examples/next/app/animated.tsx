"use client";

import { AnimateButton, configure, VideoPlayerCard } from "@photoplay/elements/react";
import { createBrowserClient } from "@supabase/ssr";
import { useState } from "react";

const supabase = createBrowserClient(
  process.env.NEXT_PUBLIC_SUPABASE_URL ?? "",
  process.env.NEXT_PUBLIC_SUPABASE_PUBLISHABLE_KEY ?? "",
);

configure({
  endpoint: process.env.NEXT_PUBLIC_PHOTOPLAY_URL ?? "",
  // Asked with `true` after a token was refused.
  token: async (wasRefused) => {
    const { data } = await (wasRefused ? supabase.auth.refreshSession() : supabase.auth.getSession());
    return data.session?.access_token ?? null;
  },
});

export function Animated({ src, alt }: { src: string; alt: string }) {
  const [videoId, setVideoId] = useState<string>();
  return (
    <>
      <VideoPlayerCard jobId={videoId}>
        <img id="photo" src={src} alt={alt} width={1200} height={800} />
      </VideoPlayerCard>
      <AnimateButton
        htmlFor="photo"
        onJobChange={(job) => job.status === "succeeded" && setVideoId(job.id)}
        onSignInRequest={() => location.assign("/login")}
      />
    </>
  );
}
